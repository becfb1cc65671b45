"""nova-compute makes a report that got no answer again soon, as Nova would wait for a minute meanwhile."""


async def test_a_report_that_got_no_answer_is_made_again(told):
    assert await told("report_again.py") == {"reports": 3, "lost": False, "waited": [0.5, 0.5, 0.5]}
