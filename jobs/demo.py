"""Run every step once on the reports of the installed wheel.

python jobs/demo.py --out radkg-demo
ray job submit --working-dir . -- python jobs/demo.py --out radkg-demo
"""

from radkg.cli import run
from radkg.cli.extract import demo

if __name__ == "__main__":
    run(demo)
