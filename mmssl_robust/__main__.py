"""``python -m mmssl_robust COMMAND``."""

from mmssl_robust.commands.main import main

if __name__ == '__main__':
    main()
