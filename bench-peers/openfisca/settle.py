"""The settlement of this bench in OpenFisca, as a program that the bench talks to.

First line in: the cases, the table and the cap, as JSON. First line out: the version, and every answer computed both
ways. Then each line in is a request, `one N` (N cases, a simulation each) or `all` (every case in one simulation), and
each line out is the nanoseconds it took.

OpenFisca's own `float` has 32 bits, which does not hold 445476.00 to the fen. So amounts are whole fen in its `int`,
the product is computed in 64 bits, and half a fen is added before the division.
"""

import importlib.metadata
import json
import sys
import time

import numpy
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.simulation_builder import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

MONTH = "2015-08"
FACTS = ["total", "own", "over", "pre", "balance", "pool", "ded_paid", "level", "status"]
ANSWERS = ["scope", "ded", "paid", "acct", "cash"]

Person = build_entity(key="person", plural="persons", label="A person", is_person=True)


class Level(Enum):
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


class Status(Enum):
    active = "active"
    retired = "retired"


def variable(name, formula=None, **kind):
    """A monthly variable of a person; a number unless said otherwise."""
    kind = kind or {"value_type": int}
    body = {"entity": Person, "definition_period": DateUnit.MONTH, "label": name, **kind}
    if formula:
        body["formula"] = formula
    return type(name, (Variable,), body)


def scope(person, period):
    return person("total", period) - person("own", period) - person("over", period) - person("pre", period)


def ded(person, period, parameters):
    pay = parameters(period).pay[person("level", period)][person("status", period)]
    left = numpy.maximum(pay.ded - person("ded_paid", period), 0)
    return numpy.minimum(person("scope", period), left)


def paid(person, period, parameters):
    pay = parameters(period).pay[person("level", period)][person("status", period)]
    base = (person("scope", period) - person("ded", period)).astype(numpy.int64)
    due = (base * pay.rate.astype(numpy.int64) + 500_000) // 1_000_000
    return numpy.minimum(due, numpy.maximum(parameters(period).pool_cap - person("pool", period), 0))


def acct(person, period):
    return numpy.minimum(person("scope", period) - person("paid", period), person("balance", period))


def cash(person, period):
    return person("total", period) - person("paid", period) - person("acct", period)


def system(table, cap):
    """The rules, compiled once."""
    since = lambda value: {"values": {"2015-01-01": {"value": value}}}
    row = lambda pay: {"ded": since(pay[0]), "rate": since(pay[1])}
    pay = {level: {status: row(pay) for status, pay in rows.items()} for level, rows in table.items()}
    rules = TaxBenefitSystem([Person])
    rules.parameters = ParameterNode(name="", data={"pay": pay, "pool_cap": since(cap)})
    for name in FACTS:
        enums = {"level": (Level, Level.L1), "status": (Status, Status.active)}
        if name in enums:
            values, default = enums[name]
            rules.add_variable(variable(name, value_type=Enum, possible_values=values, default_value=default))
        else:
            rules.add_variable(variable(name))
    for formula in [scope, ded, paid, acct, cash]:
        rules.add_variable(variable(formula.__name__, formula))
    return rules


def settle(rules, columns, count):
    """Settles `count` cases in one simulation."""
    simulation = SimulationBuilder().build_default_simulation(rules, count)
    for name, values in columns.items():
        simulation.set_input(name, MONTH, values)
    return [simulation.calculate(name, MONTH) for name in ANSWERS]


def columns_of(cases):
    """The facts by column, in the types that OpenFisca keeps."""
    columns = {name: [case[name] for case in cases] for name in FACTS}
    encode = {"level": Level.encode, "status": Status.encode}
    return {
        name: encode[name](numpy.array(values)) if name in encode else numpy.array(values, dtype=numpy.int32)
        for name, values in columns.items()
    }


def main():
    told = json.loads(sys.stdin.readline())
    cases = told["cases"]
    rules = system(told["pay"], told["pool_cap"])
    alone = [columns_of([case]) for case in cases]
    whole = columns_of(cases)

    def one(count):
        return [[int(values[0]) for values in settle(rules, case, 1)] for case in alone[:count]]

    def every():
        return [[int(value) for value in row] for row in zip(*settle(rules, whole, len(cases)))]

    say = lambda value: print(json.dumps(value), flush=True)
    version = f"openfisca-core {importlib.metadata.version('openfisca-core')}"
    python = ".".join(map(str, sys.version_info[:3]))
    say({"version": f"{version}, Python {python}, numpy {numpy.__version__}", "one": one(len(cases)), "all": every()})
    for request in sys.stdin:
        what, *count = request.split()
        begun = time.perf_counter_ns()
        if what == "one":
            for case in alone[: int(count[0])]:
                settle(rules, case, 1)
        else:
            settle(rules, whole, len(cases))
        say(time.perf_counter_ns() - begun)


if __name__ == "__main__":
    main()
