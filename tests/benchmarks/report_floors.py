"""Floors of written reports on Open-i: python -m tests.benchmarks.report_floors --images DIR

Prints Markdown tables of every text that a reporter must beat, and of the two that it cannot, on
the test split: against findings and impression, and against the findings alone.

    --images DIR    the images of Open-i
    --split NAME    test, or dev
"""

from __future__ import annotations

import argparse

import torch

from radkg.evaluation.reports import evaluate_reports
from radkg.evaluation.reports.table import list_report_notes, make_report_tables


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", required=True)
    parser.add_argument("--split", default="test")
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = evaluate_reports("openi", None, args.images, args.split)
    for table in make_report_tables(report):
        print(f"\n{table.title}\n\n| {' | '.join(table.columns)} |")
        print("|" + "---|" + "--:|" * (len(table.columns) - 1))
        for row in table.rows:
            print(f"| {' | '.join(row)} |")
    print("\n" + "\n".join(list_report_notes(report)))


if __name__ == "__main__":
    main()
