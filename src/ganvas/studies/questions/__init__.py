"""The questions that the notes ask, one file each. A new one is a file and a line in the table."""

from ganvas.studies.question import Question
from ganvas.studies.questions import (
    activation,
    batch_one,
    conditioning,
    harmony,
    hierarchy,
    locality,
    memory,
    normalisation,
    refinements,
)

QUESTIONS: dict[str, Question] = {
    each.QUESTION.name: each.QUESTION
    for each in (
        conditioning,
        refinements,
        activation,
        normalisation,
        memory,
        locality,
        hierarchy,
        harmony,
        batch_one,
    )
}
