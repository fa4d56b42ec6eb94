"""What people look at: page, charts, differences, remarks."""
