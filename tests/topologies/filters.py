"""A lab whose network ACLs and security groups decide: one filter for each kind of rule."""

from __future__ import annotations

from eigw_ns.topology import load

TEXT = """
lab: filters
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {out: {}}
    internet_gateways: {edge: {}}
    route_tables:
      private: {routes: [{destination: "::/0", target: out}]}
      public: {main: true, routes: [{destination: "::/0", target: edge}]}
    network_acls:
      # allows HTTPS in, but no answers to flows that begin inside
      strict:
        ingress: [{rule: 100, protocol: tcp, ports: 443, cidr: "::/0", action: allow}]
        egress: [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
      # allows answers only to some ephemeral ports
      half:
        ingress:
          - {rule: 90, protocol: tcp, ports: 32768-40000, cidr: "::/0", action: deny}
          - {rule: 100, protocol: all, cidr: "::/0", action: allow}
        egress: [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
      none: {}
      # the lower number decides: egress is allowed except UDP to port 53; echo requests may enter, echo replies not
      order:
        ingress:
          - {rule: 100, protocol: icmpv6, type: 128, cidr: "::/0", action: allow}
          - {rule: 110, protocol: udp, ports: all, cidr: "::/0", action: allow}
        egress:
          - {rule: 90, protocol: udp, ports: 53, cidr: "2001:db8::/32", action: deny}
          - {rule: 100, protocol: all, cidr: "::/0", action: allow}
    security_groups:
      open: {ingress: [{protocol: all, cidr: "::/0"}]}
      closed: {}
      mute: {egress: []}
      https: {ingress: [{protocol: tcp, ports: 443, cidr: "::/0"}], egress: [{protocol: tcp, ports: all, cidr: "::/0"}]}
      friends: {ingress: [{protocol: all, group: open}]}
      udp: {ingress: [{protocol: udp, ports: all, cidr: "::/0"}], egress: [{protocol: udp, ports: all, cidr: "::/0"}]}
    subnets:
      private-net: {route_table: private}
      public-net: {}
      strict-net: {network_acl: strict}
      half-net: {route_table: private, network_acl: half}
      none-net: {network_acl: none}
      order-net: {network_acl: order}
    instances:
      app: {subnet: private-net, security_groups: [open]}
      closed: {subnet: private-net, security_groups: [closed]}
      mute: {subnet: private-net, security_groups: [mute]}
      https: {subnet: public-net, security_groups: [https]}
      friends: {subnet: public-net, security_groups: [friends]}
      both: {subnet: public-net, security_groups: [mute, https]}
      udp: {subnet: public-net, security_groups: [udp]}
      udp2: {subnet: private-net, security_groups: [udp]}
      udp3: {subnet: public-net, security_groups: [udp]}
      strict: {subnet: strict-net, security_groups: [open]}
      half: {subnet: half-net, security_groups: [open]}
      none1: {subnet: none-net, security_groups: [open]}
      none2: {subnet: none-net, security_groups: [open]}
      order: {subnet: order-net, security_groups: [open]}
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
    far: {ipv6_address: "2a00::1"}
"""

CLOUD = load(TEXT.encode(), file="filters.yaml", default_lab="filters").cloud
