"""`python -m drawdown.cli` is `drawdown`."""

from drawdown.cli.application import main

if __name__ == "__main__":
    main()
