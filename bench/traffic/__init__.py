"""Made-up traffic for measuring: frames, what protocols say, and who says it when. Nothing here was captured."""
