"""The local gateway: what PostgREST is to a Supabase project, to the part of it that we use."""

from stopward.local.gateway.gateway import Gateway
from stopward.local.gateway.keys import GatewayKeys, load_keys
from stopward.local.gateway.tokens import sign_token

__all__ = ["Gateway", "GatewayKeys", "load_keys", "sign_token"]
