"""A lab with IPv4 beside IPv6: a VPC with several blocks of both families, and a VPC without IPv6."""

DUAL_STACK = """
lab: dual
vpcs:
  main:
    ipv6_cidr_block: "2600:1f16:aa0:5500::/56"
    ipv6_cidr_blocks: ["2600:1f16:aa0:5700::/56"]
    cidr_block: 10.0.0.0/16
    cidr_blocks: [10.1.0.0/16]
    association_ids: {"2600:1f16:aa0:5700::/56": vpc-cidr-assoc-0123456789abcdef0}
    enable_dns_support: false
    enable_dns_hostnames: true
    egress_only_internet_gateways: {out: {}}
    internet_gateways: {edge: {}}
    route_tables:
      private:
        main: true
        routes:
          - {destination: "::/0", target: out}
          - {destination: "64:ff9b::/96", target: nat-0123456789abcdef0}
          - {destination: 0.0.0.0/0, target: nat-0123456789abcdef0}
          - {destination: 192.0.2.0/24, target: edge}
    subnets:
      a: {cidr_block: 10.0.1.0/24, assign_ipv6_address_on_creation: true, availability_zone: us-east-1b}
      b:
        ipv6_cidr_block: "2600:1f16:aa0:5701::/64"
        association_id: subnet-cidr-assoc-0123456789abcdef0
      legacy: {cidr_block: 10.1.1.0/24, ipv6_cidr_block: none}
    instances:
      app: {subnet: a}
      db: {subnet: b}
      plain: {subnet: a, ipv6_address: none}
  old:
    cidr_block: 10.9.0.0/16
    egress_only_internet_gateways: {unused: {replicas: 2}}
    route_tables: {main: {main: true, routes: [{destination: "::/0", target: unused}]}}
    subnets: {only: {cidr_block: 10.9.1.0/24}}
    instances: {server: {subnet: only}}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
expect:
  - {from: app, to: web, port: 443, result: allowed}
  - {from: app, to: db, port: 22, result: allowed}
  - {from: web, to: app, port: 22, result: blocked}
"""
