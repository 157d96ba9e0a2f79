"""Check designs of other tools: import, prove in a lab that nobody keeps, and find what is wrong."""
