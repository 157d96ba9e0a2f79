"""Elastic IP addresses, NAT gateways and DHCP options in EC2's shapes. Module `shapes` has the other resources."""

from __future__ import annotations

from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.interfaces import interface_id, primary_id
from eigw_ns.cloud.ipv4_addresses import association_id, nat_association_id, nat_gateway_id
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.recorded import DeletedNatGateway, DhcpOptions, ElasticIp, NatGateway


def allocated(resource: ElasticIp) -> Shape:
    """Return an elastic IP address as AllocateAddress answers it."""
    return {
        "AllocationId": resource.id,
        "PublicIp": str(resource.public_ip),
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": REGION,
        "Domain": "vpc",
    }


def address(cloud: Cloud, resource: ElasticIp) -> Shape:
    """Return an elastic IP address as in DescribeAddresses."""
    return {**allocated(resource), **_association(cloud, resource), "Tags": tag_list(resource.tags)}


def _association(cloud: Cloud, resource: ElasticIp) -> Shape:
    found = association_id(cloud, resource)
    if found is None:
        return {}
    gateway_id = nat_gateway_id(cloud, resource)
    if gateway_id is not None:
        owner, private = gateway_id, cloud.nat_gateways[gateway_id].private_ip_address
        interface = interface_id(owner)
    else:
        assert resource.association is not None
        owner = resource.association.instance_id
        private, interface = cloud.instances[owner].private_ip_address, primary_id(cloud.instances[owner])
    return {
        "AssociationId": found,
        **({} if gateway_id else {"InstanceId": owner}),
        "NetworkInterfaceId": interface,
        "NetworkInterfaceOwnerId": ACCOUNT_ID,
        **({} if private is None else {"PrivateIpAddress": str(private)}),
    }


def nat_gateway(cloud: Cloud, resource: NatGateway) -> Shape:
    """Return a NAT gateway as in DescribeNatGateways."""
    return {
        "NatGatewayId": resource.id,
        "VpcId": resource.vpc_id,
        "SubnetId": resource.subnet_id,
        "State": "available",
        **({} if resource.created is None else {"CreateTime": resource.created}),
        "ConnectivityType": resource.connectivity_type,
        "AvailabilityMode": "zonal",
        "NatGatewayAddresses": [_nat_address(cloud, resource)],
        "Tags": tag_list(resource.tags),
    }


def _nat_address(cloud: Cloud, resource: NatGateway) -> Shape:
    public = cloud.elastic_ips.get(resource.allocation_id or "")
    private = resource.private_ip_address
    return {
        **({} if resource.allocation_id is None else {"AllocationId": resource.allocation_id}),
        **({} if public is None else {"PublicIp": str(public.public_ip)}),
        **({} if resource.allocation_id is None else {"AssociationId": nat_association_id(resource.id)}),
        "NetworkInterfaceId": interface_id(resource.id),
        **({} if private is None else {"PrivateIp": str(private)}),
        "IsPrimary": True,
        "Status": "succeeded",
    }


def deleted_nat_gateway(cloud: Cloud, resource: DeletedNatGateway) -> Shape:
    """Return a NAT gateway that was deleted."""
    shape = nat_gateway(cloud, resource.gateway)
    return {**shape, "State": "deleted", "DeleteTime": timestamp(resource.deleted_at)}


def dhcp_options(resource: DhcpOptions) -> Shape:
    """Return a set of DHCP options as in DescribeDhcpOptions."""
    return {
        "DhcpOptionsId": resource.id,
        "OwnerId": ACCOUNT_ID,
        "DhcpConfigurations": [
            {"Key": key, "Values": [{"Value": value} for value in values]} for key, values in resource.configurations
        ],
        "Tags": tag_list(resource.tags),
    }
