"""`eigw-ns ec2`: the control plane of a lab, with the command line of aws-cli."""

from __future__ import annotations

from collections.abc import Mapping

import click

from eigw_ns.cli.ec2 import catalogue
from eigw_ns.cli.ec2.naming import camel
from eigw_ns.cli.group import SectionGroup
from eigw_ns.cloud.aws_words import lacking, similar_actions

USAGE = 2
_WAIT = "wait"

_EPILOG = """
\b
Create, use and delete a gateway, as AWS's page on egress-only internet gateways does:
  eigw-ns ec2 describe-vpcs
  eigw-ns ec2 create-egress-only-internet-gateway --vpc-id vpc-…
  eigw-ns ec2 create-route --route-table-id rtb-… --destination-ipv6-cidr-block ::/0 \\
      --egress-only-internet-gateway-id eigw-…
  eigw-ns exec app -- ping -c 1 2001:db8:80::1         the request goes out, the answer comes in
  eigw-ns ec2 delete-egress-only-internet-gateway --egress-only-internet-gateway-id eigw-…
  eigw-ns ec2 describe-route-tables --filters Name=route.state,Values=blackhole

\b
Write structures as for aws-cli: in shorthand, as JSON, or as file://PATH to read from a file:
  --filters Name=tag:Team,Values=network,web Name=vpc-id,Values=vpc-…
  --tag-specifications 'ResourceType=route-table,Tags=[{Key=Name,Value=private}]'
  --ip-permissions '[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
                      "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]'

\b
The name of a resource, as in private or main/private, stands for its id if no other resource has it. So does a
Name tag that is not the name of another resource. Answers have ids.

\b
Answers are JSON in AWS's shape. --query selects a part of them in JMESPath, and --output prints text, a
table or YAML. A request that AWS would refuse changes nothing, prints AWS's error code on stderr and
exits with code 1.
"""


class Ec2Group(SectionGroup):
    """The verbs of `eigw-ns ec2`. Each is built from the description of its action."""

    called = "ec2 verb"

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """See `SectionGroup`."""
        return {**catalogue.verbs(), "Wait": {_WAIT: "Wait until a resource exists."}}

    def hint(self, word: str) -> str:
        """See `SectionGroup`. A verb of `aws ec2` that a lab does not have is not a misspelling of another."""
        return similar_actions(word, self.verbs()) or lacking(word)

    def load(self, verb: str) -> click.Command:
        """See `SectionGroup`."""
        if verb == _WAIT:
            from eigw_ns.cli.ec2 import wait  # imported here, as below: the help of the group does not need it

            return wait.group
        from eigw_ns.cli.ec2.command import make_command

        return make_command(camel(verb))


@click.command("ec2", cls=Ec2Group, invoke_without_command=True, epilog=_EPILOG)
@click.pass_context
def command(context: click.Context) -> int:
    """Change and describe a lab with the verbs, flags and answers of `aws ec2`.

    A verb that changes something updates the stored lab and the kernel, then prints the answer. Describing needs no
    root. Verbs, flags, shapes and error codes are those of `aws ec2`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return USAGE
    return 0
