"""The product, one package per area. A module uses those below it, through their doors only."""
