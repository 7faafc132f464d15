"""Text files as blocks of whole lines: what is usual in them goes to a fast reader, what is not goes line by line."""
