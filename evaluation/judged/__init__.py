"""What a judge and its reward model are examined by: pure functions over what they said and what is true."""
