"""Loss layers that take claims from single suppliers, beside queues, the losses of each, and claims as tokens."""

import pytest

from abm.markets.forced_sales import quote_sale

UNDER = {
    "assets__ETH__price__prices": [2000.0, 1500.0, 1500.0, 400.0],  # 14,285.71 repaid, 1,714.29 lost in block 1
    "time__steps": 6,
}
LOSS = 16000.0 - 100000.0 / 7.0
# Nearly all is lent: who wants to leave from the start queues for what is repaid, and 7,000 stay lent.
EAGER = {"count": 5, "deposits": {"DAI": 4000.0}, "leave_at_utilisation": 0.5}
CALM = {"deposits": {"DAI": 4000.0}}
LENT = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in (16000.0, 7000.0)]


def queued(lender):
    return sum(lender.pool.claims(account, 0) for account in lender.exits.queues[0])


@pytest.mark.parametrize("layer", [{"kind": "price_bucket", "buckets": 5}, {"kind": "withdrawal_charge"}])
def test_a_queue_knows_what_those_in_it_still_claim(small_world, model_of, layer):
    people = {"agents__depositors": [EAGER, CALM], "agents__borrowers": [{"positions": LENT}]}
    model = model_of(small_world(**UNDER, **people, pools__0__losses__layers=[layer]))
    lender = model.world.lenders[0]
    waited = []
    for _ in range(6):
        model.step()
        waited.append(queued(lender))
        assert lender.exits.waiting(0) == pytest.approx(waited[-1], rel=1e-9, abs=1e-9)
    assert waited[2] > 0.0


def test_what_the_boldest_lose_is_in_the_table_of_depositors(small_world, model_of):
    layer = {"kind": "price_bucket", "buckets": 5}
    calm = {"count": 20, "deposits": {"DAI": 1000.0}}
    model = model_of(small_world(**UNDER, agents__depositors=[calm], pools__0__losses__layers=[layer]))
    model.run()
    pool = model.world.lenders[0].pool
    lost = pool.cuts.of(slice(0, pool.accounts), 0, pool.shares[:, 0])
    assert lost.sum() == pytest.approx(LOSS)
    assert lost[1:21].tolist() == pytest.approx((1000.0 - pool.shares[1:21, 0] * pool.supply_index[0]).tolist())


def with_tokens(small_world, layer):
    """4 deposits of 5,000, and 3,000 more that were made into tokens and posted in another pool."""
    world = small_world(
        **UNDER,
        agents__depositors=[{"count": 4, "deposits": {"DAI": 5000.0}}],
        pools__0__losses__layers=[layer],
        assets__aDAI={"price": {"kind": "claim", "pool": "core", "reserve": "DAI"}},
    )
    side = {
        "name": "side",
        "reserves": {"DAI": {}, "aDAI": {"ltv": 0.8, "liquidation_threshold": 0.9}},
        "liquidation": {"design": "aave_v3"},
    }
    world["pools"].append(side)
    for kind in ("borrowers", "liquidators", "depositors"):
        for cohort in world["agents"][kind]:
            cohort["pool"] = "core"
    world["agents"]["borrowers"].append({"pool": "side", "positions": [{"collateral": {"aDAI": 3000.0}}]})
    return world


def test_claims_that_are_tokens_are_in_no_bucket(small_world, model_of, assert_books_agree):
    """The books check that there are as many tokens as shares behind them; the one bucket there is bears it all."""
    model = model_of(with_tokens(small_world, {"kind": "price_bucket", "buckets": 1}))
    for _ in range(3):
        model.step()
        assert_books_agree(model)
    assert model.recorder.write_offs()["layer"].tolist() == ["price_bucket"]
    (claim,) = model.world.claims.of.values()
    assert model.world.lenders[0].pool.claims(claim.account, 0) == pytest.approx(3000.0)


# All who leave while a hole is open pay alike


def test_who_redeems_tokens_is_charged_like_any_who_leaves(small_world, model_of):
    model = model_of(with_tokens(small_world, {"kind": "withdrawal_charge"}))
    for _ in range(3):
        model.step()
    world, pool = model.world, model.world.lenders[0].pool
    factor, cash = LOSS / float(pool.total_claims[0]), float(pool.cash[0])
    asset, holder = world.index["aDAI"], world.lenders[1].account
    sale = quote_sale(world, asset, 1000.0, world.index["DAI"])
    assert (sale.units, sale.proceeds) == pytest.approx((1000.0, 1000.0 * (1.0 - factor)))
    world.claims.redeem(world, holder, asset, sale.units, sale.proceeds)
    assert cash - float(pool.cash[0]) == pytest.approx(1000.0 * (1.0 - factor))
    assert float(pool.deficit[0]) == pytest.approx(LOSS - 1000.0 * factor)
    assert world.lenders[0].charged_share(0) == pytest.approx(factor)
    assert pool.claims(1, 0) == 5000.0
    assert not list(world.claims.check(world))


def test_stakers_of_claims_are_charged_like_any_who_leave(small_world, model_of, assert_books_agree):
    layers = [{"kind": "withdrawal_charge"}, {"kind": "staked_same_asset", "capital": 0.0, "cooldown_seconds": 0.0}]
    stakers = [{"layer": "staked_same_asset", "capital": 2000.0, "leave_at_hole": 1e-6}]
    model = model_of(
        small_world(
            **UNDER | {"time__steps": 4},
            pools__0__losses__layers=layers,
            agents__stakers=stakers,
            agents__depositors=[{"deposits": {"DAI": 18_000.0}}],
        )
    )
    model.run()
    assert_books_agree(model)
    world, pool = model.world, model.world.lenders[0].pool
    account = next(k for k in range(world.ledger.accounts) if world.ledger.name(k).startswith("stakers.0"))
    assert world.ledger.balance(account, world.index["DAI"]) == pytest.approx(2000.0 - LOSS / 10.0)
    assert float(pool.deficit[0]) == pytest.approx(0.9 * LOSS)


def test_what_is_kept_back_of_a_withdrawal_needs_no_cash(small_world, model_of):
    """Who queues is paid out with all the cash there is, and what the hole takes of the claims goes beside it."""
    people = {"agents__depositors": [EAGER, CALM], "agents__borrowers": [{"positions": LENT}]}
    model = model_of(small_world(**UNDER, **people, pools__0__losses__layers=[{"kind": "withdrawal_charge"}]))
    lender, left = model.world.lenders[0], []
    for _ in range(6):
        model.step()
        left.append(float(lender.pool.cash[0]) if queued(lender) > 0.0 else 0.0)
    assert left == pytest.approx([0.0] * 6, abs=1e-6)
