# A dual-stack VPC with two private subnets behind an egress-only internet gateway, and a public one.
# tests/clients/test_terraform.py applies it to a lab.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60, < 6"
    }
  }
}

variable "endpoint" { type = string }

variable "names" {
  type    = set(string)
  default = ["blue", "green"]
}

provider "aws" {
  region                  = "us-east-1"
  skip_metadata_api_check = true

  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
  }

  default_tags { tags = { Owner = "network" } }
}

data "aws_caller_identity" "me" {}

data "aws_availability_zones" "here" { state = "available" }

resource "aws_vpc" "main" {
  cidr_block                       = "10.20.0.0/16"
  assign_generated_ipv6_cidr_block = true
  enable_dns_hostnames             = true
  tags                             = { Name = "main" }
}

resource "aws_subnet" "private" {
  count                           = 2
  vpc_id                          = aws_vpc.main.id
  availability_zone               = data.aws_availability_zones.here.names[count.index]
  cidr_block                      = cidrsubnet(aws_vpc.main.cidr_block, 8, count.index)
  ipv6_cidr_block                 = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, count.index)
  assign_ipv6_address_on_creation = true
  tags                            = { Name = "private-${count.index}" }
}

resource "aws_subnet" "public" {
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(aws_vpc.main.cidr_block, 8, 100)
  ipv6_cidr_block         = cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, 100)
  map_public_ip_on_launch = true
  tags                    = { Name = "public" }
}

resource "aws_egress_only_internet_gateway" "out" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "out" }
}

resource "aws_internet_gateway" "edge" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "edge" }
}

resource "aws_eip" "nat" { domain = "vpc" }

resource "aws_nat_gateway" "nat" {
  subnet_id     = aws_subnet.public.id
  allocation_id = aws_eip.nat.id
  tags          = { Name = "nat" }
  depends_on    = [aws_internet_gateway.edge]
}

resource "aws_ec2_managed_prefix_list" "internet" {
  name           = "internet"
  address_family = "IPv6"
  max_entries    = 5

  entry {
    cidr        = "2001:db8::/32"
    description = "documentation"
  }

  entry { cidr = "3fff::/20" }
}

resource "aws_ec2_managed_prefix_list" "peers" {
  name           = "peers"
  address_family = "IPv6"
  max_entries    = 5
  tags           = { Name = "peers" }
}

resource "aws_ec2_managed_prefix_list_entry" "peers" {
  for_each       = { vpc = aws_vpc.main.ipv6_cidr_block, web = "2001:db8:80::/48" }
  prefix_list_id = aws_ec2_managed_prefix_list.peers.id
  cidr           = each.value
  description    = each.key
}

resource "aws_default_route_table" "main" {
  default_route_table_id = aws_vpc.main.default_route_table_id

  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.out.id
  }

  route {
    cidr_block     = "0.0.0.0/0"
    nat_gateway_id = aws_nat_gateway.nat.id
  }

  tags = { Name = "private" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "public" }
}

resource "aws_route" "public" {
  for_each                    = { v4 = { v4 = "0.0.0.0/0", v6 = null }, v6 = { v4 = null, v6 = "::/0" } }
  route_table_id              = aws_route_table.public.id
  destination_cidr_block      = each.value.v4
  destination_ipv6_cidr_block = each.value.v6
  gateway_id                  = aws_internet_gateway.edge.id
}

resource "aws_route" "listed" {
  route_table_id             = aws_route_table.public.id
  destination_prefix_list_id = aws_ec2_managed_prefix_list.internet.id
  egress_only_gateway_id     = aws_egress_only_internet_gateway.out.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_default_security_group" "closed" { vpc_id = aws_vpc.main.id }

resource "aws_security_group" "app" {
  name        = "app"
  description = "what the instances may do"
  vpc_id      = aws_vpc.main.id

  egress {
    protocol         = "-1"
    from_port        = 0
    to_port          = 0
    cidr_blocks      = ["0.0.0.0/0"]
    ipv6_cidr_blocks = ["::/0"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "app" {
  for_each          = { any = { protocol = "udp", port = 9 }, ssh = { protocol = "tcp", port = 22 } }
  security_group_id = aws_security_group.app.id
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv6         = "::/0"
  description       = each.key
}

resource "aws_vpc_security_group_ingress_rule" "ping" {
  security_group_id = aws_security_group.app.id
  ip_protocol       = "icmpv6"
  from_port         = -1
  to_port           = -1
  prefix_list_id    = aws_ec2_managed_prefix_list.peers.id
}

resource "aws_network_acl" "public" {
  vpc_id     = aws_vpc.main.id
  subnet_ids = [aws_subnet.public.id]

  dynamic "ingress" {
    for_each = { 100 = "0.0.0.0/0", 101 = "::/0" }
    content {
      rule_no         = ingress.key
      action          = "allow"
      protocol        = "-1"
      from_port       = 0
      to_port         = 0
      cidr_block      = ingress.key == "100" ? ingress.value : null
      ipv6_cidr_block = ingress.key == "101" ? ingress.value : null
    }
  }

  egress {
    rule_no         = 101
    action          = "allow"
    protocol        = "-1"
    from_port       = 0
    to_port         = 0
    ipv6_cidr_block = "::/0"
  }
}

data "aws_ami" "any" {
  owners      = ["amazon"]
  most_recent = true
}

resource "aws_instance" "app" {
  for_each               = var.names
  ami                    = data.aws_ami.any.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.private[0].id
  vpc_security_group_ids = [aws_security_group.app.id]
  tags                   = { Name = each.key }
}

resource "aws_network_interface" "prepared" {
  subnet_id          = aws_subnet.private[0].id
  security_groups    = [aws_security_group.app.id]
  private_ips_count  = 1
  ipv6_address_count = 1
  ipv6_prefix_count  = 1
  source_dest_check  = false
  tags               = { Name = "prepared" }
}

resource "aws_network_interface" "second" { subnet_id = aws_subnet.private[0].id }

resource "aws_network_interface_attachment" "second" {
  instance_id          = aws_instance.app["blue"].id
  network_interface_id = aws_network_interface.second.id
  device_index         = 1
}

resource "aws_instance" "prepared" {
  ami                  = data.aws_ami.any.id
  instance_type        = "t3.micro"
  iam_instance_profile = "web"
  tags                 = { Name = "prepared" }

  network_interface {
    network_interface_id = aws_network_interface.prepared.id
    device_index         = 0
  }

  root_block_device {
    volume_size = 20
    tags        = { Name = "root" }
  }

  credit_specification { cpu_credits = "standard" }
  maintenance_options { auto_recovery = "disabled" }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  private_dns_name_options { hostname_type = "resource-name" }
}

output "prepared" {
  value = { id = aws_instance.prepared.id, address = tolist(aws_network_interface.prepared.ipv6_addresses)[0] }
}

output "account" { value = data.aws_caller_identity.me.account_id }

output "instances" {
  value = { for name, each in aws_instance.app : name => { id = each.id, address = each.ipv6_addresses[0] } }
}
