"""The one error of regen: which step, where, what is wrong, what to do."""

from __future__ import annotations


class RegenError(Exception):
    """A step cannot go on; the text is one line for the maintainer."""

    def __init__(self, step: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{step}: {place}: {problem}. {remedy[:1].upper()}{remedy[1:]}.")
        self.step, self.place, self.problem, self.remedy = step, place, problem, remedy
