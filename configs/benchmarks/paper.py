# All tables and the figure of the paper.
title = 'Benchmarking Robust Self-Supervised Learning Across Diverse Downstream Tasks'
suites = ['paper_table1', 'paper_table2', 'paper_table3', 'paper_figure2']
