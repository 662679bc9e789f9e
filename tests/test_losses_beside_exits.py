"""Loss layers that take claims from single suppliers, beside queues, the losses of each, and claims as tokens."""

import pytest

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


def test_claims_that_are_tokens_are_in_no_bucket(small_world, model_of, assert_books_agree):
    """The books check that there are as many tokens as shares behind them; the one bucket there is bears it all."""
    world = small_world(
        **UNDER,
        agents__depositors=[{"count": 4, "deposits": {"DAI": 5000.0}}],
        pools__0__losses__layers=[{"kind": "price_bucket", "buckets": 1}],
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
    model = model_of(world)
    for _ in range(3):
        model.step()
        assert_books_agree(model)
    assert model.recorder.write_offs()["layer"].tolist() == ["price_bucket"]
    (claim,) = model.world.claims.of.values()
    assert model.world.lenders[0].pool.claims(claim.account, 0) == pytest.approx(3000.0)
