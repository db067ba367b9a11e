"""`python -m lontar`."""

from lontar.cli.main import main

if __name__ == "__main__":
    main()
