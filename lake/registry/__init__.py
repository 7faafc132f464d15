"""What a lake knows beside its tables: releases, champions, splits, days."""
