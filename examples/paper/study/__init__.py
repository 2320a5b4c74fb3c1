"""What the rerun of the paper's study is made of."""
