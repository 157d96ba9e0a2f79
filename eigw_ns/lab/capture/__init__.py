"""Captures of packets: where to listen, packets in the order in which they passed, and files that Wireshark reads."""
