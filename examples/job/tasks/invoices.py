"""The tasks of the job; the file finds them by their names."""

import csv
from collections import defaultdict
from pathlib import Path

from woflo import task


@task
def read(file: str) -> list[dict[str, str]]:
    print("reading", file)
    return rows_of(file)


@task
class Total:
    """What each customer has to pay."""

    def __init__(self, orders: list[dict[str, str]], prices: str, currency: str) -> None:
        self.orders, self.prices, self.currency = orders, prices, currency

    def run(self) -> dict[str, str]:
        print("adding", len(self.orders), "orders")
        prices = {row["thing"]: float(row["price"]) for row in rows_of(self.prices)}
        totals: defaultdict[str, float] = defaultdict(float)
        for order in self.orders:
            if order["thing"] not in prices:
                raise LookupError(f"{self.prices} has no price of a {order['thing']}")
            totals[order["customer"]] += int(order["pieces"]) * prices[order["thing"]]
        return {customer: f"{total:.2f} {self.currency}" for customer, total in totals.items()}


@task
def report(totals: dict[str, str], file: str) -> str:
    print("writing", file)
    Path(file).write_text("".join(f"- {customer}: {total}\n" for customer, total in totals.items()))
    return file


def rows_of(file: str) -> list[dict[str, str]]:
    with open(file, newline="") as lines:
        return list(csv.DictReader(lines))
