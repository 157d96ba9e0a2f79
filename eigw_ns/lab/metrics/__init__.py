"""Metrics of labs: what gateways and subnets have counted, named after AWS's metrics of NAT gateways."""
