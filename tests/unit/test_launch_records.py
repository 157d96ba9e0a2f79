"""RunInstances returns everything that it takes and no packet shows, and refuses what it could not return."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import BlockAssociation, Cloud
from tests.support.small_cloud import SUBNET, VPC, Account, Case, cases, counting, small_cloud

ONE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1, "SubnetId": SUBNET}
DISK = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Throughput": 150}}


def dual_stack() -> Cloud:
    cloud = small_cloud()
    blocks = (BlockAssociation("vpc-cidr-assoc-0000000000000000f", IPv4Network("10.0.0.0/16")),)
    vpc = replace(cloud.vpcs[VPC], ipv4_associations=blocks)
    subnet = replace(cloud.subnets[SUBNET], cidr_block=IPv4Network("10.0.1.0/24"))
    return replace(cloud, vpcs={**cloud.vpcs, VPC: vpc}, subnets={**cloud.subnets, SUBNET: subnet})


def launched(account: Account, **request: Any) -> dict[str, Any]:
    made = account.do("RunInstances", **{**ONE, **request})["Instances"][0]["InstanceId"]
    (reservation,) = account.do("DescribeInstances", InstanceIds=[made])["Reservations"]
    return dict(reservation["Instances"][0])


@pytest.mark.parametrize(
    ("given", "member"),
    [
        ({"CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 1}}, "CpuOptions"),
        ({"MaintenanceOptions": {"AutoRecovery": "disabled"}}, "MaintenanceOptions"),
        ({"HibernationOptions": {"Configured": True}}, "HibernationOptions"),
        ({"EnclaveOptions": {"Enabled": True}}, "EnclaveOptions"),
        (
            {"CapacityReservationSpecification": {"CapacityReservationPreference": "none"}},
            "CapacityReservationSpecification",
        ),
        (
            {
                "PrivateDnsNameOptions": {
                    "HostnameType": "resource-name",
                    "EnableResourceNameDnsARecord": True,
                    "EnableResourceNameDnsAAAARecord": False,
                }
            },
            "PrivateDnsNameOptions",
        ),
        ({"EbsOptimized": True}, "EbsOptimized"),
        ({"InstanceType": "c5.large"}, "InstanceType"),
    ],
)
def test_an_option_comes_back(given: dict[str, Any], member: str) -> None:
    account = Account()
    assert launched(account)[member] != given[member]
    assert launched(account, **given)[member] == given[member]


def test_placement_profile_and_monitoring_come_back() -> None:
    account = Account()
    place = {"Tenancy": "dedicated", "GroupName": "near", "PartitionNumber": 2}
    asked = {"Placement": place, "IamInstanceProfile": {"Name": "web"}, "Monitoring": {"Enabled": True}}
    found = launched(account, **asked)
    assert {name: found["Placement"][name] for name in place} == place
    assert found["IamInstanceProfile"]["Arn"] == "arn:aws:iam::000000000000:instance-profile/web"
    assert found["Monitoring"] == {"State": "enabled"}
    (association,) = account.do("DescribeIamInstanceProfileAssociations")["IamInstanceProfileAssociations"]
    assert association["InstanceId"] == found["InstanceId"]


def test_a_profile_has_the_account_of_the_settings() -> None:
    account = Account(settings=Settings(new_id=counting(), account="123456789012", region="eu-west-1"))
    found = launched(account, IamInstanceProfile={"Name": "web"})
    assert found["IamInstanceProfile"]["Arn"] == "arn:aws:iam::123456789012:instance-profile/web"


def test_a_volume_comes_back_with_its_tags_and_goes_with_its_instance() -> None:
    account = Account()
    tags = [{"Key": "Name", "Value": "root"}]
    found = launched(account, BlockDeviceMappings=[DISK], TagSpecifications=[{"ResourceType": "volume", "Tags": tags}])
    (mapping,) = found["BlockDeviceMappings"]
    assert (mapping["DeviceName"], mapping["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", True)
    wanted = [{"Name": "attachment.instance-id", "Values": [found["InstanceId"]]}]
    (volume,) = account.do("DescribeVolumes", Filters=wanted)["Volumes"]
    assert volume["VolumeId"] == mapping["Ebs"]["VolumeId"]
    assert [volume[name] for name in ("Size", "VolumeType", "Iops", "Throughput", "Encrypted", "Tags")] == [
        20, "gp3", 3000, 150, False, tags,
    ]  # fmt: skip
    account.do("CreateTags", Resources=[volume["VolumeId"]], Tags=[{"Key": "Team", "Value": "net"}])
    (again,) = account.do("DescribeVolumes", VolumeIds=[volume["VolumeId"]])["Volumes"]
    assert len(again["Tags"]) == 2
    account.do("TerminateInstances", InstanceIds=[found["InstanceId"]])
    assert account.do("DescribeVolumes", Filters=wanted)["Volumes"] == []


def test_a_public_address_comes_back_and_no_other_instance_has_it() -> None:
    account = Account(dual_stack())
    interface = {"DeviceIndex": 0, "SubnetId": SUBNET, "AssociatePublicIpAddress": True}
    request = {name: value for name, value in ONE.items() if name != "SubnetId"} | {"MaxCount": 2}
    made = account.do("RunInstances", **request, NetworkInterfaces=[interface])["Instances"]
    public = {each["PublicIpAddress"] for each in made}
    assert len(public) == 2
    assert made[0]["NetworkInterfaces"][0]["Association"]["PublicIp"] in public
    assert account.do("AllocateAddress")["PublicIp"] not in public


def test_an_elastic_address_takes_the_place_of_the_public_one() -> None:
    account = Account(dual_stack())
    instance = launched(account)["InstanceId"]
    account.do("AssociateAddress", AllocationId="eipalloc-0000000000000000a", InstanceId=instance)
    (reservation,) = account.do("DescribeInstances", InstanceIds=[instance])["Reservations"]
    assert reservation["Instances"][0]["PublicIpAddress"] == "203.0.113.1"


def with_disk(**ebs: Any) -> dict[str, Any]:
    return {**ONE, "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": ebs}]}


WRONG: dict[str, list[Case]] = {
    "volume": [
        ("type", "InvalidParameterValue", "RunInstances", with_disk(VolumeType="gp9")),
        ("size", "InvalidParameterValue", "RunInstances", with_disk(VolumeSize=0)),
        ("iops of gp2", "InvalidParameterCombination", "RunInstances", with_disk(VolumeType="gp2", Iops=100)),
        ("no iops", "MissingParameter", "RunInstances", with_disk(VolumeType="io1")),
        ("key", "InvalidParameterDependency", "RunInstances", with_disk(KmsKeyId="alias/x")),
        ("kept", "UnsupportedOperation", "RunInstances", with_disk(DeleteOnTermination=False)),
        ("outpost", "UnsupportedOperation", "RunInstances", with_disk(OutpostArn="arn:x")),
        ("snapshot", "InvalidSnapshot.NotFound", "RunInstances", with_disk(SnapshotId="snap-0123456789abcdef0")),
        ("device", "InvalidParameterValue", "RunInstances", {**ONE, "BlockDeviceMappings": [DISK, DISK]}),
        ("no device", "MissingParameter", "RunInstances", {**ONE, "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 8}}]}),
        ("unknown", "InvalidVolume.NotFound", "DescribeVolumes", {"VolumeIds": ["vol-0123456789abcdef0"]}),
        ("malformed", "InvalidVolumeID.Malformed", "DescribeVolumes", {"VolumeIds": ["x"]}),
    ],
    "option": [
        ("recovery", "InvalidParameterValue", "RunInstances", {**ONE, "MaintenanceOptions": {"AutoRecovery": "x"}}),
        ("cores", "InvalidParameterValue", "RunInstances", {**ONE, "CpuOptions": {"CoreCount": 0}}),
        ("host", "UnsupportedOperation", "RunInstances", {**ONE, "Placement": {"HostId": "h-0123456789abcdef0"}}),
        ("zone", "InvalidParameterCombination", "RunInstances",
         {**ONE, "Placement": {"AvailabilityZoneId": "use1-az3"}}),
        ("tenancy", "InvalidParameterValue", "RunInstances", {**ONE, "Placement": {"Tenancy": "host"}}),
        ("profile", "InvalidParameterCombination", "RunInstances",
         {**ONE, "IamInstanceProfile": {"Arn": "arn:x", "Name": "x"}}),
        ("license", "UnknownParameter", "RunInstances", {**ONE, "LicenseSpecifications": []}),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("code", "action", "asked"), cases(**WRONG))
def test_what_cannot_be_recorded_is_refused(code: str, action: str, asked: dict[str, Any]) -> None:
    assert Account().refuse(action, **asked).code == code


def test_a_default_subnet_is_created_once_in_each_zone() -> None:
    account = Account()
    zone = {"AvailabilityZone": "us-east-1b"}
    assert account.refuse("CreateDefaultSubnet", **zone).code == "DefaultVpcDoesNotExist"
    account.do("CreateDefaultVpc")
    refused = account.refuse("CreateDefaultSubnet", **zone)
    assert refused.code == "DefaultSubnetAlreadyExistsInAvailabilityZone"
    assert account.refuse("CreateDefaultSubnet").code == "MissingParameter"
    assert account.refuse("CreateDefaultSubnet", AvailabilityZone="eu-west-1a").code == "InvalidParameterValue"
    assert account.refuse("CreateDefaultSubnet", **zone, Ipv6Native=True).code == "UnsupportedOperation"
    (old,) = (
        each.id
        for each in account.cloud.subnets.values()
        if each.attributes.default_for_az and each.attributes.availability_zone == "us-east-1b"
    )
    account.do("DeleteSubnet", SubnetId=old)
    made = account.do("CreateDefaultSubnet", **zone)["Subnet"]
    assert (made["CidrBlock"], made["DefaultForAz"], made["MapPublicIpOnLaunch"]) == ("172.31.16.0/20", True, True)


def test_an_instance_has_a_root_volume_unless_it_records_another() -> None:
    """Cloud Custodian stops only instances whose root device is a volume."""
    account = Account()
    plain = launched(account)
    (mapping,) = plain["BlockDeviceMappings"]
    assert mapping["DeviceName"] == plain["RootDeviceName"]
    (volume,) = account.do("DescribeVolumes", VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"]
    assert volume["Attachments"][0]["InstanceId"] == plain["InstanceId"]
    data = launched(account, BlockDeviceMappings=[{**DISK, "DeviceName": "/dev/sdf"}])
    assert [each["DeviceName"] for each in data["BlockDeviceMappings"]] == ["/dev/xvda", "/dev/sdf"]


def test_tags_of_a_root_volume_that_no_request_described_are_recorded() -> None:
    account = Account()
    tags = [{"Key": "Team", "Value": "net"}]
    plain = launched(account)
    volume_id = plain["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    account.do("CreateTags", Resources=[volume_id], Tags=tags)
    tagged = launched(account, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}])
    other_id = tagged["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    for each in account.do("DescribeVolumes", VolumeIds=[volume_id, other_id])["Volumes"]:
        assert each["Tags"] == tags
