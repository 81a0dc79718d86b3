"""`python -m bench.report RESULT.json [OTHER.json ...] -o report/`: one page and its tables from the suite's result files."""
