URL=@URL@
MACHINE='@MACHINE@'
on_agent() { token $1 @AGENT_CLIENT_ID@; }
token() { curl -sS $URL -H 'X-Amz-Target: AWSCognitoIdentityProviderService.InitiateAuth' -H 'Content-Type: application/x-amz-json-1.1' -d '{"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "'${2:-@OPERATOR_CLIENT_ID@}'", "AuthParameters": {"USERNAME": "'$1'", "PASSWORD": "@PASSWORD@"}}' | python3 -c 'import json, sys; print(json.load(sys.stdin)["AuthenticationResult"]["IdToken"])'; }
echo '- Alice of Acme logs in to an agent: a licence and its key.'
ANSWER=$(curl -sS $URL/v1/licenses -H "Authorization: Bearer $(on_agent alice)" -H 'Content-Type: application/json' -d '{"machine": '"$MACHINE"', "environment": "production", "agent_version": "@AGENT_VERSION@"}'); echo "$ANSWER"
KEY=$(echo "$ANSWER" | python3 -c 'import json, sys; print(json.load(sys.stdin)["license_key"])')
ID=$(echo "$ANSWER" | python3 -c 'import json, sys; print(json.load(sys.stdin)["license"]["id"])')
echo '- The agent validates with its key and its machine, without a user.'
curl -sS $URL/v1/licenses/validate -H 'Content-Type: application/json' -d '{"license_key": "'$KEY'", "organization_id": "acme", "environment": "production", "machine": '"$MACHINE"', "agent_version": "@AGENT_VERSION@"}'; echo
echo '- The public keys that verify leases.'
curl -sS $URL/.well-known/jwks.json; echo
echo '- Ada, the administrator of Acme, lists the licences and revokes this one.'
ADMIN=$(token ada)
curl -sS $URL/v1/organizations/acme/licenses -H "Authorization: Bearer $ADMIN"; echo
curl -sS -X POST $URL/v1/licenses/$ID/revoke -H "Authorization: Bearer $ADMIN"; echo
echo '- From now on the agent is refused.'
curl -sS $URL/v1/licenses/validate -H 'Content-Type: application/json' -d '{"license_key": "'$KEY'", "organization_id": "acme", "environment": "production", "machine": '"$MACHINE"', "agent_version": "@AGENT_VERSION@"}'; echo
echo '- Olivia lets a partner in for an hour: a temporary licence, to log in with as pavel.'
curl -sS $URL/v1/organizations/acme/temporary-licenses -H "Authorization: Bearer $(token olivia)" -H 'Content-Type: application/json' -d '{"ttl": "1h"}'; echo
echo '- The billing system renews the subscription of Bolt with an event on the bus.'
curl -sS $URL/_local/bus -H 'Content-Type: application/json' -d '@BILLING_EVENT@'; echo
echo '- The events on the bus so far, oldest first. Those of the service itself have the source licensing.'
curl -sS $URL/_local/bus; echo
echo '- Events that could not be processed end in a dead-letter queue: none so far.'
curl -sS $URL/_local/dead-letters; echo
