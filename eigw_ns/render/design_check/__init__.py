"""The result of a check of designs: text for people, Markdown, JSON, JUnit XML and SARIF."""
