"""`python -m leyden` is the program `leyden`."""

from leyden.cli import main

if __name__ == "__main__":
    main()
