"""Peak memory of `magicoder run --to generate` over 80,000 prompts with the teacher over HTTP. Goal: at most 100 MB."""


def test_memory_stays_flat(bench, long_run):
    step = max(1, len(long_run.curve) // 12)
    bench.table(
        f"{long_run.rows} prompts, {long_run.concurrency} in flight: MB of 1e6 bytes while it ran",
        [{"answers": answers, "resident": rss, "peak": peak} for answers, rss, peak in long_run.curve[::step]],
    )
    peak = max(peak for _, _, peak in long_run.curve)
    bench.say(
        f"peak {peak:.1f} MB after {long_run.answers} answers in {long_run.wall:.0f} s, {long_run.cpu:.1f} s of CPU"
    )
    bench.goal("peak <= 100 MB", peak <= 100)
