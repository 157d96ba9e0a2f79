"""What AWS and this lab demand of a topology beyond its structure. Each rule reports all that it can find."""
