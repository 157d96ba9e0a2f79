"""Diagrams of a lab: a document in the order in which it is drawn, a layout, and the forms SVG, text, mermaid and dot.

All of it is pure: the same lab gives the same bytes.
"""
