"""What each rule saved or cost a trade that was lived: the trade again, without the rule. Pure."""
