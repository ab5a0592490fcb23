"""A planner of a few sentences, with a random eye and no language model."""

import csv
from pathlib import Path

from radkg.extractor import load_extractor
from radkg.model.checkpoint import CONFIG
from radkg.model.vision.tower import Tower
from radkg.reporter.bank import BANK, BankSentence, normalise_sentence, save_bank
from radkg.reporter.planning import PlannerConfig, Template, UsualClaim
from radkg.reporter.reading import ClaimReader
from radkg.schema.drafts import Claim
from tests.extractor.models import write_eye

SENTENCES = (
    "The heart is normal in size",
    "Mild cardiomegaly",
    "Cardiomegaly is present",
    "Small left pleural effusion",
    "Pleural effusion is seen",
    "No pneumothorax",
)
NO_PNEUMOTHORAX = Claim("pneumothorax", "absent")
NORMAL_HEART = Claim("normal", "present", "heart")


def write_archive(path: Path) -> Path:
    """Write a table whose reports hold the sentences."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("study_id", "report"))
        writer.writerow(("1", "FINDINGS: " + ". ".join(SENTENCES) + "."))
    return path


def write_planner(directory: Path, **settings) -> Path:
    """Write the planner into a directory, beside the archive of its sentences."""
    directory.mkdir(parents=True, exist_ok=True)
    archive = write_archive(directory / "archive.csv")
    texts = [normalise_sentence(text) for text in SENTENCES]
    read = ClaimReader([load_extractor("rules")]).read(texts)
    bank = [
        BankSentence(text, readings[0], 5, place / len(texts))
        for place, (text, readings) in enumerate(zip(texts, read, strict=True))
    ]
    save_bank(bank, directory / BANK)
    write_eye(directory / "eye", Tower())
    known = {
        "eye": "eye",
        "archive": str(archive),
        "detail_threshold": 1.0,
        "usual": (UsualClaim(NO_PNEUMOTHORAX, ()), UsualClaim(NORMAL_HEART, ("effusion",))),
        "templates": (
            Template((0, 1), (bank[0].sentence_id, bank[5].sentence_id)),
            Template((0,), (bank[5].sentence_id,)),
        ),
    }
    (directory / CONFIG).write_text(PlannerConfig(**known | settings).to_json())
    return directory
