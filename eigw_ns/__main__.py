"""`python -m eigw_ns` is `eigw-ns`."""

from eigw_ns.cli.main import main

if __name__ == "__main__":
    main()
