"""The requirements of AWS and of labs on a topology, beyond its structure. Each rule reports every mistake."""
