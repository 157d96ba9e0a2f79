"""Subnets behind an egress-only gateway, behind an internet gateway, and behind both."""

GATEWAYS = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    internet_gateways: {edge: {}}
    route_tables:
      private: {routes: [{destination: "::/0", target: outbound}]}
      public: {main: true, routes: [{destination: "::/0", target: edge}]}
      split:
        routes:
          - {destination: "2001:db8:a::/48", target: outbound}
          - {destination: "::/0", target: edge}
      only:
        routes: [{destination: "2001:db8:a::/48", target: edge}]
    security_groups: {default: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets:
      private-a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private}
      public-a: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
      split-a: {ipv6_cidr_block: "2600:1f16:aa0:5503::/64", route_table: split}
      only-a: {ipv6_cidr_block: "2600:1f16:aa0:5504::/64", route_table: only}
    instances:
      app: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::10"}
      www: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::10"}
      mix: {subnet: split-a, ipv6_address: "2600:1f16:aa0:5503::10"}
      one: {subnet: only-a, ipv6_address: "2600:1f16:aa0:5504::10"}
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
    near: {ipv6_address: "2001:db8:a::1"}
"""
