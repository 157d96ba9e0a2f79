// A VPC from first to last by the AWS SDK for JavaScript: waiters, pages, dates, errors. Prints what the test expects.
import {
  EC2Client, CreateVpcCommand, DescribeVpcsCommand, DeleteVpcCommand, CreateEgressOnlyInternetGatewayCommand,
  DescribeEgressOnlyInternetGatewaysCommand, DeleteEgressOnlyInternetGatewayCommand,
  DescribeRouteTablesCommand, CreateRouteCommand, DeleteRouteCommand, CreateSubnetCommand, DeleteSubnetCommand,
  DescribeSubnetsCommand, waitUntilVpcAvailable, waitUntilSubnetAvailable, paginateDescribeVpcs,
  RunInstancesCommand, TerminateInstancesCommand, waitUntilInstanceRunning, waitUntilInstanceTerminated,
} from "@aws-sdk/client-ec2";
const ec2 = new EC2Client({});
const vpc = (await ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true, TagSpecifications: [{ ResourceType: "vpc", Tags: [{ Key: "Name", Value: "client ☃" }] }] }))).Vpc;
await waitUntilVpcAvailable({ client: ec2, maxWaitTime: 60 }, { VpcIds: [vpc.VpcId] });
for await (const page of paginateDescribeVpcs({ client: ec2, pageSize: 5 }, { Filters: [{ Name: "tag:Name", Values: ["client ☃"] }] })) console.log("vpcs", page.Vpcs.length, page.Vpcs[0].Tags[0].Value, page.NextToken);
const d = (await ec2.send(new DescribeVpcsCommand({ VpcIds: [vpc.VpcId] }))).Vpcs[0];
const six = d.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock.replace("/56", "/64");
const subnet = (await ec2.send(new CreateSubnetCommand({ VpcId: vpc.VpcId, CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: six }))).Subnet;
await waitUntilSubnetAvailable({ client: ec2, maxWaitTime: 60 }, { SubnetIds: [subnet.SubnetId] });
const g = (await ec2.send(new CreateEgressOnlyInternetGatewayCommand({ VpcId: vpc.VpcId }))).EgressOnlyInternetGateway;
console.log("eigw", g.Attachments[0].State);
const t = (await ec2.send(new DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpc.VpcId] }] }))).RouteTables[0];
console.log("route", (await ec2.send(new CreateRouteCommand({ RouteTableId: t.RouteTableId, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: g.EgressOnlyInternetGatewayId }))).Return);
const i = (await ec2.send(new RunInstancesCommand({ ImageId: "ami-12345678", MinCount: 1, MaxCount: 1, SubnetId: subnet.SubnetId, Ipv6AddressCount: 1 }))).Instances[0];
await waitUntilInstanceRunning({ client: ec2, maxWaitTime: 60 }, { InstanceIds: [i.InstanceId] });
console.log("instance", i.LaunchTime instanceof Date, i.State.Name);
try { await ec2.send(new DeleteVpcCommand({ VpcId: vpc.VpcId })); } catch (e) { console.log("error", e.name, e.$metadata.requestId?.length, e.$metadata.httpStatusCode); }
await ec2.send(new TerminateInstancesCommand({ InstanceIds: [i.InstanceId] }));
await waitUntilInstanceTerminated({ client: ec2, maxWaitTime: 60 }, { InstanceIds: [i.InstanceId] });
await ec2.send(new DeleteEgressOnlyInternetGatewayCommand({ EgressOnlyInternetGatewayId: g.EgressOnlyInternetGatewayId }));
console.log("state", (await ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [t.RouteTableId] }))).RouteTables[0].Routes.map(r => r.State).join());
await ec2.send(new DeleteSubnetCommand({ SubnetId: subnet.SubnetId }));
await ec2.send(new DeleteVpcCommand({ VpcId: vpc.VpcId }));
console.log("left", (await ec2.send(new DescribeVpcsCommand({}))).Vpcs?.length);
