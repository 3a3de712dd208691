-- One account to look around with; it observes and sends nothing. Local and preview projects only.
select api.open_account('{"account_id": "paper", "name": "Paper", "mode": "observe"}');
