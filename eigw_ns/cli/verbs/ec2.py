"""`eigw-ns ec2`: the lab's control plane, as aws-cli speaks it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from eigw_ns.cli.ec2 import catalogue
from eigw_ns.cli.ec2.naming import camel
from eigw_ns.cli.group import SectionGroup

USAGE = 2

_EPILOG = """
\b
A gateway's whole life, as AWS's page on egress-only internet gateways tells it:
  eigw-ns ec2 describe-vpcs
  eigw-ns ec2 create-egress-only-internet-gateway --vpc-id vpc-…
  eigw-ns ec2 create-route --route-table-id rtb-… --destination-ipv6-cidr-block ::/0 \\
      --egress-only-internet-gateway-id eigw-…
  eigw-ns exec app -- ping -c 1 2001:db8:80::1         goes out, and its answer comes in
  eigw-ns ec2 delete-egress-only-internet-gateway --egress-only-internet-gateway-id eigw-…
  eigw-ns ec2 describe-route-tables --filters Name=route.state,Values=blackhole

\b
Structures are written as aws-cli takes them, in shorthand or JSON, or read from file://PATH:
  --filters Name=tag:Team,Values=network,web Name=vpc-id,Values=vpc-…
  --tag-specifications 'ResourceType=route-table,Tags=[{Key=Name,Value=private}]'
  --ip-permissions '[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                      "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]'

\b
Answers are JSON in AWS's shape; send them through jq (there is no --query). What AWS would refuse
ends with AWS's code on stderr and exit code 1, and has changed nothing.
"""


class Ec2Group(SectionGroup):
    """The verbs of `eigw-ns ec2`; each is made from what its action says of itself."""

    called = "ec2 verb"

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """See `SectionGroup`."""
        return catalogue.verbs()

    def load(self, verb: str) -> click.Command:
        """See `SectionGroup`."""
        from eigw_ns.cli.ec2.command import make_command  # only a verb pays for it

        return make_command(camel(verb))


@click.command("ec2", cls=Ec2Group, invoke_without_command=True, epilog=_EPILOG)
@click.pass_context
def command(context: click.Context) -> int:
    """Work on a lab with aws-cli's own verbs, flags and answers.

    Each verb changes the stored lab, makes the kernel follow, and answers then; describing needs no root. The
    verbs, flags, shapes and error codes are those of `aws ec2`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return USAGE
    return 0
