"""A scenario: a complete, typed description of a world and its agents, loaded strictly from one TOML file."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from abm.agents.arbitrageur import Arbitrageurs
from abm.agents.attacker import Attackers
from abm.agents.borrower import Borrowers
from abm.agents.depositor import Depositors
from abm.agents.insurer import Insurers
from abm.agents.liquidator_terms import Liquidators
from abm.agents.liquidity_provider import LiquidityProviders
from abm.agents.market_maker import MarketMakers
from abm.agents.noise_trader import NoiseTraders
from abm.agents.staker import Stakers
from abm.agents.triangle_arbitrageur import TriangleArbitrageurs
from abm.losses.loss_terms import Losses
from abm.reading.beside import Beside, variants
from abm.reading.consistency import check, check_files
from abm.reading.inputs import TOML_ERRORS, ScenarioError, anchor_files, named_files, override, plain, refuse_extremes
from abm.reading.sentences import sentence
from models.exits import ExitTerms
from models.lending import MOST_RESERVES, ReserveTerms
from models.liquidation import Design
from models.market import SourceTerms
from models.oracles import OracleTerms, ReferenceTerms
from models.parameters import Parameters
from models.prices import AssetPrice, Impact, NoImpact, PriceTerms, StudentCopula
from models.priority import Bidding
from models.rates import Fixed, Rates
from models.sampling import Sampling

__all__ = ["Scenario", "ScenarioError"]


class Time(Parameters):
    """How long a path is: `steps` blocks of `step_seconds`. `start`, an ISO 8601 date, is for whoever reads it only."""

    step_seconds: float = Field(60.0, ge=0.001, le=31_536_000)
    steps: int = Field(ge=1, le=10_000_000)
    start: str | None = None

    @field_validator("start", mode="before")
    @classmethod
    def _is_a_date(cls, given: Any) -> Any:
        """A date as TOML writes it, or in quotes; kept as text."""
        try:
            return datetime.fromisoformat(str(given)).isoformat() if given is not None else None
        except ValueError:
            raise ValueError(f'must be a date and time such as "2020-03-12T00:00:00Z", not {given!r}') from None


class Asset(Parameters):
    """One asset: its exogenous price path in dollars, the lasting impact of net sales, and its oracle.

    The price of a claim on a pool follows from the pool's books instead, a relative one from another asset's. With an
    `oracle_quote` the oracle sees and reports prices in units of that asset (its bounds and a fixed price are in them
    too), and protocols multiply its report by what they believe of the other.
    """

    price: AssetPrice
    impact: Impact = NoImpact()
    oracle: OracleTerms = ReferenceTerms()
    oracle_quote: str | None = None


class Correlation(Parameters):
    """The correlation of the diffusions of two assets."""

    assets: Annotated[list[str], Field(min_length=2, max_length=2)]
    rho: float = Field(ge=-1, le=1)


class CommonDraws(Parameters):
    """Assets with all draws but those of their diffusions in common: jumps, regimes, shocks of variance, blocks."""

    assets: Annotated[list[str], Field(min_length=2)]


class Market(Parameters):
    """One venue: the pair it trades and the sources of liquidity on its ladder.

    `name` is the pair's, e.g. ``ETH/DAI``, unless given; a second venue of a pair needs one. Where several markets have
    the same base, the first one speaks for the asset's venue price.
    """

    name: str = Field("", min_length=1)
    base: str
    quote: str
    sources: Annotated[list[SourceTerms], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_pair(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" not in data:
            return data | {"name": f"{data.get('base')}/{data.get('quote')}"}
        return data


class Reserve(ReserveTerms):
    """One reserve of a pool: its risk parameters, its rate, and the units its treasury owns at the start."""

    treasury: float = Field(0.0, ge=0)
    rates: Rates = Fixed(rate_per_year=0.0)


class Pool(Parameters):
    """One lending pool: its reserves, its liquidation design, its loss layers, and when depositors may leave."""

    name: str = Field("core", min_length=1)
    reserves: dict[str, Reserve] = Field(min_length=1, max_length=MOST_RESERVES)
    liquidation: Design
    losses: Losses = Losses()
    exits: ExitTerms = ExitTerms()


class Blockspace(Parameters):
    """Room in a block and its price: gas in gwei, paid in `asset`; without `capacity_gas` every intent fits.

    With a rule of `bidding`, liquidators who go for the same account, lot or opening in one block bid gas against one
    another; without, each bids its premium and they step aside for whoever called first. `failed_calls` cost gas and
    room, or are "free" where builders leave out what would fail.
    """

    gas_price_gwei: PriceTerms
    capacity_gas: float | None = Field(None, gt=0)
    asset: str
    bidding: Bidding | None = None
    failed_calls: Literal["pay", "free"] = "pay"


class Agents(Parameters):
    """The cohorts of every kind of agent.

    Terms that name a `pool` or a `market` are seen to name one that is there, or the only one where they name none.
    """

    borrowers: list[Borrowers] = []
    liquidators: list[Liquidators] = []
    depositors: list[Depositors] = []
    insurers: list[Insurers] = []
    arbitrageurs: list[Arbitrageurs] = []
    triangle_arbitrageurs: list[TriangleArbitrageurs] = []
    market_makers: list[MarketMakers] = []
    liquidity_providers: list[LiquidityProviders] = []
    noise_traders: list[NoiseTraders] = []
    attackers: list[Attackers] = []
    stakers: list[Stakers] = []

    @classmethod
    def without_pools(cls) -> list[str]:
        """Return the kinds that are there without pools: those whose terms name none."""
        return [kind for kind, field in cls.model_fields.items() if "pool" not in _terms(field).model_fields]


class Scenario(Parameters):
    """A complete, typed description of a world and its agents. Load it, or build it from a dictionary.

    `feedback = false` cuts the cascade: forced sales are paid at their quote and leave no trace on the venue or on the
    reference price. `checks = true` verifies conservation after every block instead of at the end only.
    `volatility_half_life_seconds` is the memory of the realised volatility that market makers see.
    """

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    feedback: bool = True
    checks: bool = False
    volatility_half_life_seconds: float = Field(3600.0, gt=0)
    time: Time
    assets: dict[str, Asset] = Field(min_length=1)
    correlations: list[Correlation] = []
    copula: StudentCopula | None = None
    common_draws: list[CommonDraws] = []
    sampling: Sampling | None = None
    markets: list[Market] = []
    pools: list[Pool] = []
    blockspace: Blockspace | None = None
    agents: Agents = Agents()
    beside: Beside | None = None

    @classmethod
    def load(cls, path: str | Path, overrides: Mapping[str, str] | None = None) -> Self:
        """Load a scenario file, with dotted keys overridden (`{"time.steps": "10"}`, values as TOML).

        Files that it names are relative to it; `check_inputs` reads them. Raises `ScenarioError`, one sentence that
        names the key, what was given and what would do.
        """
        file = Path(path)
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise ScenarioError(f"scenario file {file} does not exist; check the path") from None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise ScenarioError(f"scenario file {file} cannot be read ({reason}); give a readable TOML file") from None
        except TOML_ERRORS as error:
            raise ScenarioError(f"scenario file {file} is not valid TOML ({error}); mend it there") from None
        return cls.from_dict(data, base_dir=file.resolve().parent, overrides=overrides)

    @classmethod
    def from_dict(
        cls,
        data: Mapping[str, Any],
        base_dir: str | Path | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> Self:
        """Build a scenario from a dictionary of the shape of the TOML file; `base_dir` anchors relative file names.

        Raises `ScenarioError` as `load` does.
        """
        try:
            tree = plain(data)
            override(tree, overrides or {})
            anchor_files(tree, Path(base_dir) if base_dir is not None else Path.cwd())
            refuse_extremes(tree)
            return cls.model_validate(tree)
        except ValidationError as error:
            raise ScenarioError(sentence(error, cls, tree)) from None
        except RecursionError:
            raise ScenarioError("the scenario nests tables too deeply; give it the shape of the schema") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the resolved scenario as plain data that TOML can hold; `from_dict` gives the same scenario back."""
        # Without a word on parts of one's own, put in by `model_copy`, which the unions here do not know.
        return self.model_dump(mode="python", exclude_none=True, warnings=False)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of a scenario, for editors."""
        return cls.model_json_schema()

    def input_files(self) -> dict[str, Path]:
        """Return every file that the scenario reads, by the dotted key that names it."""
        return {key: Path(name) for key, name in named_files(self.to_dict())}

    def check_inputs(self) -> None:
        """Read every file that the scenario names, and see whether it can be used and fits the rest.

        Loading leaves files alone, so that a stored scenario loads where they are not; `simulate` reads them anyway.
        Raises `ScenarioError` as `load` does. Files are remembered until they change.
        """
        check_files(self)
        for variant in variants(self):
            check_files(variant.scenario)

    def correlation_matrix(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the correlation of the assets' diffusions, shape (assets, assets), in the assets' order."""
        order = {asset: k for k, asset in enumerate(self.assets)}
        matrix = np.eye(len(order))
        for pair in self.correlations:
            i, j = (order[asset] for asset in pair.assets)
            matrix[i, j] = matrix[j, i] = pair.rho
        return matrix

    def market_only(self) -> "Scenario":
        """Return the world without pools and their people: what prices would have done by themselves.

        Where no oracle reads a venue, the venues and their traders cannot matter to it and are left out too.
        """
        reads_venue = any(asset.oracle.reads_venue for asset in self.assets.values())
        keep = {kind: getattr(self.agents, kind) for kind in Agents.without_pools()} if reads_venue else {}
        return self.model_copy(
            update={
                "pools": [],
                "agents": Agents(**keep),
                "markets": self.markets if reads_venue else [],
                "feedback": False,
                "checks": False,
                "beside": None,
            }
        )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check(self)
        return self


def _terms(field: FieldInfo) -> type[Parameters]:
    """Return the terms of one kind of agent, from the list of its cohorts."""
    (terms,) = get_args(field.annotation)
    return cast("type[Parameters]", terms)
