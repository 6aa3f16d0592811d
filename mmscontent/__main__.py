"""`python -m mmscontent` is the command."""

from mmscontent.cli import main

if __name__ == "__main__":
    main()
