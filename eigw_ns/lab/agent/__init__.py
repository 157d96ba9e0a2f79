"""The loop that keeps a gateway's replicas honest: who is alive carries flows, who is not does not."""
