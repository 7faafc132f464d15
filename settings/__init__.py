"""Every setting of Intentflow, typed, in one place.

A setting is overridden by the environment: ``INTENTFLOW_<SECTION>__<NAME>``, for example
``INTENTFLOW_INFERENCE__PERSONAS=4``. A bad value stops whatever starts with one sentence per setting.
"""

from __future__ import annotations

import os
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from runtime.errors import ConfigurationError
from settings.canary import CanarySettings as CanarySettings
from settings.caption_judge import CaptionJudgeSettings as CaptionJudgeSettings
from settings.caption_training import CaptionReinforcementSettings as CaptionReinforcementSettings
from settings.caption_training import CaptionTuningSettings as CaptionTuningSettings
from settings.explanations import ExplanationsSettings as ExplanationsSettings
from settings.gate import GateSettings as GateSettings
from settings.judge import BandSettings as BandSettings
from settings.judge import JudgeSettings as JudgeSettings
from settings.judge_exam import ExamSizes as ExamSizes
from settings.judge_exam import JudgeExamSettings as JudgeExamSettings
from settings.judging import JudgeLabelsSettings as JudgeLabelsSettings
from settings.judging import JudgeTrainingSettings as JudgeTrainingSettings
from settings.reinforcement import ReinforcementSettings as ReinforcementSettings
from settings.retraining import RetrainingPreset as RetrainingPreset
from settings.retraining import RetrainingSettings as RetrainingSettings
from settings.review import ReviewSettings as ReviewSettings
from settings.reward import RewardSettings as RewardSettings
from settings.section import ROOT as ROOT
from settings.section import PathBelowRoot as PathBelowRoot
from settings.section import Section as Section
from settings.training import AdaptorSettings as AdaptorSettings
from settings.training import ExamplesSettings as ExamplesSettings
from settings.training import ExpertsSettings as ExpertsSettings
from settings.training import LoraSettings as LoraSettings
from settings.training import MixSettings as MixSettings

PREFIX = "INTENTFLOW_"


class LakeSettings(Section):
    uri: str = Field(default="var/lake", description="A folder, or s3://bucket/prefix.")
    buckets: int = Field(
        default=2,
        ge=1,
        le=4096,
        description="Files a day: users are spread over them by their pseudonym. All days of a lake have as many: "
        "after a change the landing stops, and says how to land them anew.",
    )
    first_release: PathBelowRoot = Field(
        default=Path("releases/experts-16727a9d480c"),
        description="Folder of the release that is the first champion of a new lake.",
    )
    data_docs: PathBelowRoot = Field(default=Path("var/data_docs"), description="Where the audits' Data Docs are kept.")


class SourceSettings(Section):
    name: str = Field(default="completejourney", description="The source that `land` reads.")
    readable_labels: bool = Field(
        default=True,
        description="Spell the demo log's abbreviated labels out by its committed list. A lake that was landed with "
        "the abbreviations goes on with false (docs/own_log.md).",
    )
    first_day: date = Field(default=date(2017, 1, 1), description="The first day that the log has.")
    last_day: date | None = Field(
        default=date(2017, 12, 31),
        description="The last day of a log that has ended; none for a live one, which the environment may say, too.",
    )
    country: str = Field(default="US", description="Country whose public holidays become signals.")
    arrival_deadline_hours: float = Field(
        default=6.0, gt=0, description="How long a refresh waits for a source that has not arrived."
    )
    pseudonym_key: PathBelowRoot = Field(
        default=Path("var/pseudonym.key"),
        description="Key of the user ids' pseudonyms; kept outside the lake.",
    )
    evaluation: PathBelowRoot | None = Field(
        default=None,
        description="TOML with the log's evaluation days; none: evaluation.toml beside its description, or the demo "
        "log's own.",
    )
    weather: PathBelowRoot | None = Field(
        default=None, description="Optional weather feed: CSV with the columns week (its Monday) and text."
    )
    late_days: int = Field(
        default=2, ge=0, le=31, description="How many days after its own day a row may be delivered."
    )
    maximum_quantity: int = Field(default=1_000, gt=0, description="More pieces in one row are rejected.")
    maximum_text: int = Field(default=200, gt=0, description="Characters kept of an entity's text.")

    @field_validator("last_day", mode="before")
    @classmethod
    def _live(cls, value: object) -> object:
        """``none``, or nothing: what the environment can say has no other form."""
        return None if isinstance(value, str) and value.strip().lower() in ("none", "") else value


class SparkSettings(Section):
    master: str = Field(default="local[*]", description="local[*], spark://..., yarn or k8s://...")
    driver_memory: str = "3g"
    partitions: int = Field(default=4, ge=1, description="Shuffle partitions: a few per core.")
    in_process_rows: int = Field(
        default=1_200_000,
        ge=0,
        description="A job that reads fewer rows runs in its own process, on a local master: Spark takes longer to "
        "start than these rows take. 0: always Spark.",
    )
    worker_memory_mb: int = Field(
        default=1_024,
        ge=512,
        description="Megabytes that a Python worker may take to land a log: what it holds at a time follows.",
    )

    executor_environment: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = Field(
        default=(
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
        ),
        description="Environment variables that a cluster's executors are given as they are here: they read and write "
        "the lake themselves. A JSON list; an empty one where executors have a role of their own.",
    )

    @property
    def piece_bytes(self) -> int:
        """Of a log's file that a worker reads at once, about."""
        return self.worker_memory_mb * 2**20 // 64

    @property
    def rows_at_once(self) -> int:
        """Rows of whole days and buckets that a worker stages at once, about."""
        return self.worker_memory_mb * 125


class HistorySettings(Section):
    days: int = Field(default=90, ge=1, description="Days of history in a context, rounded up to a Monday.")
    maximum_entities: int = Field(
        default=2_000, ge=1, description="Most (period, action, entity) entries of a context, by recency."
    )
    interests: int = Field(default=8, ge=0, description="Long-term interests: top categories, all history.")
    evidence: int = Field(default=160, ge=0, description="Categories that a context keeps for experts, at most.")
    text_tokens: int = Field(default=1_024, ge=64, description="Cap of a context's text form, in tokens.")
    hybrid_tokens: int = Field(default=1_024, ge=64, description="Cap of its hybrid form, in tokens and slots.")
    trends: int = Field(default=5, ge=0, description="Rising categories among a week's signals.")
    trend_minimum: int = Field(default=30, ge=1, description="Fewest actions a week for a trend to count.")


class EmbedderSettings(Section):
    model: PathBelowRoot | None = Field(
        default=None, description="A sentence-transformers folder; none: all-MiniLM-L6-v2 from its wheel."
    )


class InferenceSettings(Section):
    """PAPER 1.4 leaves these open (its section 6); every one is a choice of ours."""

    representation: Literal["auto", "hybrid", "text"] = Field(
        default="auto",
        description="How prompts show a history: one slot an entity (PAPER 1.2), or V1's text; auto: hybrid where the "
        "release has an entity adaptor that was trained on a catalog like this one.",
    )
    experts: Literal["auto", "tuned", "base"] = Field(
        default="auto",
        description="What answers the roles that a release has LoRA adapters for: these, or the language model as it "
        "is; auto: the adapters, which on another catalog than theirs do better than none, and a warning there.",
    )
    users: int = Field(default=0, ge=0, description="Users drawn by a stable hash; 0 means all.")
    minimum_events: int = Field(default=30, ge=1, description="Fewest actions in the history to be inferred.")
    minimum_active_days: int = Field(default=5, ge=1, description="Fewest active days to be inferred.")
    shards: int = Field(default=1, ge=1, description="Mapped inference tasks a day.")
    chunk_users: int = Field(
        default=16, ge=1, description="Users done together, the unit of a resume: fewer where the cache holds fewer."
    )
    asking: Literal["ranked", "written"] = Field(
        default="ranked", description="ranked: answers of a closed set, as trained; written: free, for large models."
    )
    ranked_tags: int = Field(default=24, ge=2, le=500, description="Ranked: M, the tags each expert names.")
    arbiter: Literal["probability", "review"] = Field(
        default="probability", description="Ranked: the experts' own order, or the pool's first tags are reviewed."
    )
    review_pool: int = Field(default=40, ge=2, le=100, description="Ranked: tags that an arbiter reviews, at most.")
    fresh_only: bool = Field(default=False, description="Ranked: not what was bought within its usual interval.")
    personas: int = Field(default=3, ge=1, le=8, description="Written: K, the planner's personas.")
    evidence: int = Field(default=3, ge=1, le=6, description="Categories that a persona rests on, at most.")
    grouped_evidence: bool = Field(
        default=True, description="Offer each persona a group of like categories; false: each persona all of them."
    )
    tags_per_expert: int = Field(default=10, ge=2, description="M, the tags each expert writes.")
    tags: int = Field(default=10, ge=1, description="N, the tags that the arbiter keeps.")
    attempts: int = Field(default=3, ge=1, description="How often a role is asked before its user fails.")
    word_categories: int = Field(
        default=60, ge=0, description="Categories near a persona whose words its tags are made of; 0: any letters."
    )
    planner_temperature: float = Field(default=0.6, ge=0)
    expert_temperature: float = Field(default=0.7, ge=0)
    top_p: float = Field(default=0.9, gt=0, le=1, description="Of the planner's and the experts' sampling.")
    frequency_penalty: float = Field(
        default=1.0, ge=0, le=2, description="Of experts and arbiter: small models repeat themselves."
    )
    presence_penalty: float = Field(default=2.0, ge=0, le=2, description="Of the arbiter's choice: a tag once.")
    duplicate_similarity: float = Field(
        default=0.9, gt=0, le=1, description="Cosine from which on two tags are near-duplicates."
    )
    maximum_why: int = Field(default=300, ge=50, description="Characters of a tag's reason.")

    @model_validator(mode="after")
    def _pool_suffices(self) -> InferenceSettings:
        # Experts that rank are asked for more where a pool is too small.
        pool = self.personas * self.tags_per_expert
        if self.asking == "written" and pool < self.tags:
            raise ValueError(
                f"personas x tags_per_expert is {pool}, fewer than the {self.tags} tags to keep: raise one"
            )
        if self.asking == "written" and pool > 52:
            raise ValueError(
                f"personas x tags_per_expert is {pool}, more than the 52 tags that an arbiter reviews: lower one"
            )
        return self


class EngineSettings(Section):
    model: PathBelowRoot = Field(
        default=Path("var/models/smollm2-135m-instruct"), description="A folder of safetensors."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: bfloat16 where the processor multiplies it natively, else float32."
    )
    maximum_tokens: int = Field(default=8_192, ge=512, description="The model's window.")
    cache_gib: float = Field(default=3.0, gt=0, description="Memory of the key-value cache, on each GPU.")
    queued_mib: float = Field(
        default=256.0,
        gt=0,
        description="Prompts' embeddings handed to the engine and not answered yet, at most; so also how many run at "
        "once. A position of a large model takes 10 KB.",
    )
    block_tokens: int = Field(
        default=32, ge=32, multiple_of=32, description="Block of the prefix cache; on CPU a multiple of 32."
    )
    maximum_sequences: int = Field(default=64, ge=1, description="Requests that decode together.")
    ranking_width: int = Field(
        default=8, ge=1, description="Steps of one ranking that run together: changes the work, not what is found."
    )
    chunked_prefill: bool = Field(
        default=False, description="On CPU it fails together with seeded sampling (vLLM 0.32); right on a GPU."
    )
    eager: bool = Field(default=True, description="Compile nothing; compiling takes minutes on CPU.")
    tensor_parallel: int = Field(default=1, ge=1)
    quantization: str | None = Field(default=None, description="For example fp8, where the hardware has it.")
    threads: int = Field(default=2, ge=1, description="OMP threads: 2 on a quiet machine, 1 on a busy one.")
    seed: int = 0


class AirflowSettings(Section):
    port: int = Field(default=8080, ge=1, le=65535)
    home: PathBelowRoot = Path("var/airflow")
    dags: PathBelowRoot = Field(default=Path("dags"), description="The folder of DAG files.")
    start_seconds: float = Field(default=180.0, gt=0, description="Longest wait until Airflow is healthy.")
    heavy_pool: str = Field(default="heavy", description="Keeps Spark and the engine from one another.")
    heavy_slots: int = Field(default=1, ge=1)
    gpu_pool: str | None = Field(
        default=None,
        description="Pool of training and inference, for example gpu, where machines of their own do these; none: the "
        "heavy pool, on one machine.",
    )
    gpu_slots: int = Field(default=1, ge=1, description="How many such machines there are.")
    schedulers: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Schedulers that are started. More than one want PostgreSQL as Airflow's database; then work goes "
        "on when one is lost.",
    )


class Settings(BaseSettings):
    """All sections. ``load_settings`` is the way to get one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    lake: LakeSettings = LakeSettings()
    source: SourceSettings = SourceSettings()
    spark: SparkSettings = SparkSettings()
    history: HistorySettings = HistorySettings()
    embedder: EmbedderSettings = EmbedderSettings()
    inference: InferenceSettings = InferenceSettings()
    explanations: ExplanationsSettings = ExplanationsSettings()
    caption_judge: CaptionJudgeSettings = CaptionJudgeSettings()
    caption_tuning: CaptionTuningSettings = CaptionTuningSettings()
    caption_reinforcement: CaptionReinforcementSettings = CaptionReinforcementSettings()
    engine: EngineSettings = EngineSettings()
    adaptor: AdaptorSettings = AdaptorSettings()
    examples: ExamplesSettings = ExamplesSettings()
    experts: ExpertsSettings = ExpertsSettings()
    judge: JudgeSettings = JudgeSettings()
    judge_exam: JudgeExamSettings = JudgeExamSettings()
    reward: RewardSettings = RewardSettings()
    reinforcement: ReinforcementSettings = ReinforcementSettings()
    judge_labels: JudgeLabelsSettings = JudgeLabelsSettings()
    judge_training: JudgeTrainingSettings = JudgeTrainingSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    gate: GateSettings = GateSettings()
    review: ReviewSettings = ReviewSettings()
    canary: CanarySettings = CanarySettings()
    airflow: AirflowSettings = AirflowSettings()


@cache
def load_settings() -> Settings:
    """Read the environment once.

    Raises:
        ConfigurationError: naming each bad setting, its value and what is wanted.
    """
    misspelt = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).split("__")[0].lower() not in Settings.model_fields
    )
    if misspelt:
        sections = ", ".join(section.upper() for section in Settings.model_fields)
        raise ConfigurationError(
            f"Settings refused: no section is called as in {', '.join(misspelt)}; known: {sections}."
        )
    try:
        return Settings()
    except SettingsError as error:
        raise ConfigurationError(
            f"Settings refused: {error}; write a single setting as INTENTFLOW_<SECTION>__<NAME>."
        ) from None
    except ValidationError as error:
        sentences = [
            f"{PREFIX}{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ConfigurationError("Settings refused: " + "; ".join(sentences) + ".") from None
