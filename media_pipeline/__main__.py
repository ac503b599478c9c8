"""`python -m media_pipeline` is the console script."""

from __future__ import annotations

from media_pipeline.cli import main

if __name__ == "__main__":
    main()
