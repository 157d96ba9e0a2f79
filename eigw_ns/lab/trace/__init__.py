"""Packet traces: one real packet and its answer, with what nftables reported of them, beside the model."""
