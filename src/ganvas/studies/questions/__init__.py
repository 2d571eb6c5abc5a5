"""The questions that the notes ask, one file each. A new one is a file and a line in the table."""

from ganvas.studies.question import Question
from ganvas.studies.questions import activation, batch_one, conditioning, refinements

QUESTIONS: dict[str, Question] = {
    each.QUESTION.name: each.QUESTION for each in (conditioning, refinements, activation, batch_one)
}
