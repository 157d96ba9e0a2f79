"""The policy file of a reviewer: what subnets are meant for, and which findings are accepted."""
