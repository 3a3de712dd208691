-- One account to look around with; a new one observes and sends nothing, one that guards goes on. Local and
-- preview projects only.
select api.open_account('{"account_id": "paper", "name": "Paper"}');
